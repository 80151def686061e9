"""The differentiators: base.py is the contract, and every other file is one method."""
