"""The commands of `agents`, one module a subject. Together with the review page the only place that opens the store."""
