"""MicroPython runs this after boot.py, but not when a tool made the soft reset."""
import failsafe

failsafe.run()
