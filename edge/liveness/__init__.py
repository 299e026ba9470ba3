"""The sans-IO heart: session machine, challenge plans, evidence, fusion, policy."""
