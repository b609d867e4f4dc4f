"""MicroPython runs this first, at every start, a soft reset included; stays source on the device, as main.py does."""
import failsafe

failsafe.start()
