"""The rules of a case, by subject: chain and dates, levels and wording, probabilities, evidence."""
