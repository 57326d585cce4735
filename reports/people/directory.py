"""The hospital's directory: it proves a password, and says nothing of admission or role."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings

log = logging.getLogger("reports.directory")
SECONDS = 5.0


def there_is() -> bool:
    """Whether the description names one."""
    return bool(settings.CONFIG.ldap)


def proves(name: str, password: str) -> bool:
    """Whether the directory knows a person by that password; no where it does not answer.

    By a simple bind over TLS, its certificate checked. An empty password would be a bind of nobody,
    which every directory takes (RFC 4513, 5.1.2).
    """
    if not (there_is() and name and password):
        return False
    import ldap  # Debian's python3-ldap is installed only where a directory is described
    from ldap.dn import escape_dn_chars

    about = settings.CONFIG.ldap
    wire: Any = ldap.initialize(about["server"])
    wire.set_option(ldap.OPT_NETWORK_TIMEOUT, SECONDS)
    wire.set_option(ldap.OPT_TIMEOUT, SECONDS)
    wire.set_option(ldap.OPT_REFERRALS, 0)
    wire.set_option(ldap.OPT_X_TLS_CACERTFILE, about["certificate"])
    wire.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    wire.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    try:
        wire.simple_bind_s(about["user_dn"] % {"user": escape_dn_chars(name)}, password)
    except ldap.INVALID_CREDENTIALS:
        return False
    except ldap.LDAPError as error:
        log.warning("the hospital's directory: %s", error)
        return False
    finally:
        wire.unbind_s()
    return True
