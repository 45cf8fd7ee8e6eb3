"""Whose request it is, and what it may do. ``tenant_of`` is the dependency of every route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Request

from ...tenants import TenantSettings
from .desk import Desk
from .errors import NO_RETRY, ApiError
from .limits import too_often

ACKNOWLEDGE = "x-limner-acknowledge"
MOST_RULES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """``name`` is ``None`` where no keys are required: everything there belongs to nobody."""

    name: str | None = None
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    """Budgets by scope of the ledger, for ``TurnRequest.caps``."""
    may_acknowledge: bool = False
    acknowledge: tuple[str, ...] = ()
    """Rules that this request sets aside; empty unless it may."""

    @property
    def acknowledged_by(self) -> str | None:
        return f"key of {self.name}" if self.acknowledge else None


def desk_of(request: Request) -> Desk:
    """What is open."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


def tenant_of(request: Request) -> Tenant:
    """By the bearer key; raises ``ApiError`` 401 (key), 403 (acknowledging), 429 (rate)."""
    desk = desk_of(request)
    found = _by_key(desk, request) if desk.register.required else None
    if found and found.requests_per_minute:
        wait_s = desk.rates.take(found.name, found.requests_per_minute)
        if wait_s:
            raise too_often(wait_s)
    return Tenant(
        name=found.name if found else None,
        caps=_caps(found) if found else {},
        may_acknowledge=found.may_acknowledge if found else False,
        acknowledge=_acknowledged(request, found),
    )


Whose = Annotated[Tenant, Depends(tenant_of)]
At = Annotated[Desk, Depends(desk_of)]


def _by_key(desk: Desk, request: Request) -> TenantSettings:
    said = request.headers.getlist("authorization")
    scheme, _, key = said[0].partition(" ") if len(said) == 1 else ("", "", "")  # of two, neither
    key = key.strip()
    found = desk.register.owner(key)
    if scheme.lower() == "bearer" and key and found:
        return found
    raise ApiError(
        401,
        "Incorrect API key provided. `limner serve key NAME` makes one."
        if key
        else "No API key provided: send it as `Authorization: Bearer KEY`.",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def _caps(tenant: TenantSettings) -> dict[str, Decimal]:
    scopes = {
        "turn": tenant.max_cost,
        "tenant_day": tenant.day_max_cost,
        "tenant": tenant.total_max_cost,
    }
    return {scope: cap for scope, cap in scopes.items() if cap is not None}


def _acknowledged(request: Request, tenant: TenantSettings | None) -> tuple[str, ...]:
    said = ",".join(request.headers.getlist(ACKNOWLEDGE))
    rules = tuple(part.strip() for part in said.split(",") if part.strip())[:MOST_RULES]
    if rules and not (tenant and tenant.may_acknowledge):
        raise ApiError(
            403,
            f"This key may not set rules aside: {ACKNOWLEDGE} was refused and nothing was sent. "
            "may_acknowledge = true for its tenant allows it.",
            type="permission_error",
            code="may_not_acknowledge",
            param=ACKNOWLEDGE,
            headers=NO_RETRY,
        )
    return rules
