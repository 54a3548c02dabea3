"""What schemathesis is told besides the descriptions."""

from urllib.parse import unquote

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    return not (_is_refused_on_the_way(case) or _has_two_tokens(case))


def _is_refused_on_the_way(case):
    """A path with a control character or a backslash is refused by the call plane (LT-S106), in X-Road's words and
    before any system sees it; no description of a system speaks of that."""
    return any(ord(one) < 0x20 or one in "\\\x7f" for one in unquote(case.formatted_path))


def _has_two_tokens(case):
    """A token in the header and another in the form is refused (RFC 6750 2), which no schema can say."""
    has_form = isinstance(case.body, dict) and "access_token" in case.body
    return has_form and case.path == "/userinfo"
