/** Emits `protocol.py`: the constants of the contract. */
import type { Contract, Event } from '../../model.ts';
import { literal } from './names.ts';

export function emitPythonProtocol(contract: Contract, banner: string): string {
  const { version, digest, subprotocol, path, credentialParameters, commands, closeCodes, events, errors, gapReasons } =
    contract;
  const list = (values: readonly string[]): string => values.map(literal).join(', ');
  return `"""Names, codes and policies of the protocol.

${banner}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .runtime.picture import KeyedEvent
from .runtime.wire import ProtocolSpec

#: The version of the contract.
PROTOCOL_VERSION: Final = ${literal(version)}
#: SHA-256 of the bytes of \`contract.json\`, as \`welcome.contractDigest\` reports it (CON-2).
CONTRACT_DIGEST: Final = ${literal(digest)}
#: The path on which the gateway accepts WebSocket connections.
WEBSOCKET_PATH: Final = ${literal(path)}
#: The declared events. Any other name is a custom event (EVT-4).
EVENTS: Final = (${list(events.map(({ name }) => name))},)
#: The codes of errors (ERR-1).
ERROR_CODES: Final = (${list(Object.keys(errors))},)
#: The reasons of gaps (GAP-1).
GAP_REASONS: Final = (${list(Object.keys(gapReasons))},)
#: Replay policy of each declared event, \`*\` for custom ones (RPL-3).
REPLAY_POLICIES: Final[Mapping[str, str]] = {
${[...events, contract.customEvent].map(({ name, replay }) => `    ${literal(name)}: ${literal(replay.policy)},`).join('\n')}
}

#: The replay policy of each declared event, with the pointer to its key (RPL-3).
EVENT_KEYS: Final[Mapping[str, KeyedEvent]] = {
${events.map((event) => `    ${literal(event.name)}: ${keyedEvent(event)},`).join('\n')}
}

SPEC: Final = ProtocolSpec(
    subprotocol=${literal(subprotocol)},
    credential_parameters=frozenset({${list(credentialParameters)}}),
    replies={
${commands.map(({ name, reply }) => `        ${literal(name)}: ${literal(reply)},`).join('\n')}
    },
    close_codes={
${Object.entries(closeCodes)
  .map(([code, { name, class: closeClass }]) => `        ${code}: (${literal(name)}, ${literal(closeClass)}),`)
  .join('\n')}
    },
    contract_digest=CONTRACT_DIGEST,
    events=EVENTS,
)
`;
}

function keyedEvent({ replay: { policy, key, keySpace, clears } }: Event): string {
  const named = (name: string, value: string | undefined): string =>
    value === undefined ? '' : `, ${name}=${literal(value)}`;
  return `KeyedEvent(${literal(policy)}${named('key', key)}${named('key_space', keySpace)}${clears === true ? ', clears=True' : ''})`;
}
