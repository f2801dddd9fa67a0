"""From an object, what was observed, and the time to the next actions.

`plan_account`, `plan_key` and `plan_grant` decide, and are pure. `actions.py` has the actions and
the loop that carries plans out, `conditions.py` the conditions that follow from a verdict.
"""
