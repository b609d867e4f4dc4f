"""`make doctor`: looks at a box over USB or over the network and says in plain words what is wrong and what to do."""
