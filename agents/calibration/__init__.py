"""Before paying for a batch: is this model, with these prompts, any good at weighing? A sample, a verdict, a ledger."""
