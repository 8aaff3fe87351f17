"""The registry of models: a folder of JSON and safetensors that says what was trained from what, and what is in use.

    lock                              held by the one process that writes
    history.jsonl                     promotions, rollbacks, removals; one line each, chained by hashes
    models/NAME/model.json            lineage and the sha256 of every file; written last
    models/NAME/weights/              safetensors, configuration, tokenizer, calibration
    models/NAME/evaluations/HASH/     forecasts and figures on one snapshot

`store.Registry` reads it and takes turns at writing; the other modules each do one thing with it. Needs no torch
but for `merging`. Does not cover: signing (a checksum shows damage, not a forger), registries of other programs.
"""
