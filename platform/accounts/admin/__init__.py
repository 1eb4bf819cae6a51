"""Accounts, and how people get in, in the admin portal."""

from algoport.accounts.admin import accounts, sign_in

__all__ = ["accounts", "sign_in"]
