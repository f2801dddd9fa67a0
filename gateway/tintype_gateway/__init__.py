"""The data plane: an OpenAI-compatible images API in front of many providers.

A request flows one way, a module a stage (`pipeline.py` shows the order):

    authenticate -> validate -> resolve -> adapt -> hold -> translate -> call -> finish -> settle
    -> respond

    dialects/   one module for each upstream wire protocol
    ledger/     accounts, keys, holds and charges
    catalog/    where the catalog comes from, and how it is swapped while requests run
    images/     image bytes without decoding them
    splice/     plain answers that are passed on while they are read
"""
