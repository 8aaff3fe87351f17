"""One module a command of `training`; imported when the command is called."""
