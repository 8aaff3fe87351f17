"""The review page: the curator is the one role of the collection service that a person plays."""
