"""The commands of `corpus`: each works on snapshot folders alone."""
