"""Who is let in to the sign-up page when it is not open to everybody."""

from collections.abc import Callable

from django.http import HttpRequest

from algoport.accounts.constants import SignUpMode
from algoport.accounts.sign_up import Admission, sign_up_mode

# Whether the browser came by an invitation, as the apps above know theirs.
_vouchers: list[Callable[[HttpRequest], bool]] = []


def register_voucher(voucher: Callable[[HttpRequest], bool]) -> None:
    _vouchers.append(voucher)


def is_vouched_for(request: HttpRequest) -> bool:
    return any(voucher(request) for voucher in _vouchers)


def needs_code(request: HttpRequest) -> bool:
    return sign_up_mode() == SignUpMode.INVITE and not is_vouched_for(request)


def admission_of(request: HttpRequest, code: str) -> Admission:
    return Admission(code=code, vouched=is_vouched_for(request))
