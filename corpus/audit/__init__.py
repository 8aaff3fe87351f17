"""The audit of a frozen snapshot: can it be gamed, does it leak, do its sources hold, does it look like history?

One module a group of rules; each row is held against its limit with an interval over event families. Needs
scikit-learn for one row, imported there. The audit reads files alone and asks no model; that a quotation means
what its claim says is the Verifier's and the curator's business.
"""
