"""What a run needs before it is started: parameters, memory, time and dollars, by GPU."""
