/** Emits the Python package: its sources, and the files that `pip` needs. */
import { readdir, readFile } from 'node:fs/promises';
import type { Contract } from '../../model.ts';
import { emitPythonClient } from './client.ts';
import { emitPythonProtocol } from './protocol.ts';
import { emitPythonTypes } from './types.ts';
import { emitPythonReadme } from './readme.ts';

const PYTHON_PACKAGE = 'tidemark_client';

/** The text of every source, by its path relative to the directory that contains the package. */
export async function emitPythonSources(contract: Contract, banner: string): Promise<ReadonlyMap<string, string>> {
  const at = (path: string): string => `${PYTHON_PACKAGE}/${path}`;
  return new Map([
    [at('__init__.py'), init(contract, banner)],
    [at('client.py'), emitPythonClient(contract, banner)],
    [at('protocol.py'), emitPythonProtocol(contract, banner)],
    [at('py.typed'), ''],
    [at('types.py'), emitPythonTypes(contract, banner)],
    ...(await readRuntime()).map(([path, text]): [string, string] => [at(`runtime/${path}`), text]),
  ]);
}

/** The sources, and the files of a distribution. */
export async function emitPythonPackage(contract: Contract, banner: string): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ...(await emitPythonSources(contract, banner)),
    ['README.md', emitPythonReadme(contract)],
    ['pyproject.toml', project(contract)],
  ]);
}

async function readRuntime(): Promise<[string, string][]> {
  const directory = new URL('../../python/runtime/', import.meta.url);
  const names = (await readdir(directory)).filter((name) => name.endsWith('.py')).toSorted();
  return Promise.all(names.map(async (name) => [name, await readFile(new URL(name, directory), 'utf8')]));
}

function init({ version }: Contract, banner: string): string {
  return `"""Typed asyncio client of the Tidemark protocol.

${banner}
"""

from .client import Client, EventName, is_event, is_gap
from .runtime.contract_match import ContractMatch
from .runtime.diagnosis import Diagnosis, SubscriptionDiagnosis
from .runtime.errors import ConnectionLost, ProtocolViolation, SubscriptionEnded, TidemarkError, WaitFailed
from .runtime.mirror import Mirror, MirrorChange
from .runtime.settled import settled
from .runtime.streams import StreamsSubscription, StreamsSummary
from .runtime.subscription import ReplaySummary, Subscription
from .runtime.subscription_port import Gap
from .runtime.wait import StreamsWaited, Waited
from .runtime.wire import Position

__version__ = ${JSON.stringify(version)}

__all__ = [
    "Client",
    "ConnectionLost",
    "ContractMatch",
    "Diagnosis",
    "EventName",
    "Gap",
    "Mirror",
    "MirrorChange",
    "Position",
    "ProtocolViolation",
    "ReplaySummary",
    "StreamsSubscription",
    "StreamsSummary",
    "StreamsWaited",
    "Subscription",
    "SubscriptionDiagnosis",
    "SubscriptionEnded",
    "TidemarkError",
    "WaitFailed",
    "Waited",
    "is_event",
    "is_gap",
    "settled",
]
`;
}

function project({ version, license }: Contract): string {
  return `[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "tidemark-client"
version = ${JSON.stringify(version)}
description = "Typed asyncio client of the Tidemark protocol: events over WebSocket with replay and reported gaps."
readme = "README.md"
license = { text = ${JSON.stringify(license)} }
requires-python = ">=3.11"
dependencies = ["websockets>=10.4"]
keywords = ["events", "websocket", "client", "sdk", "asyncio"]
classifiers = ["Typing :: Typed", "Framework :: AsyncIO"]

[project.urls]
Homepage = "https://tidemark.example"

[tool.setuptools]
packages = ["${PYTHON_PACKAGE}", "${PYTHON_PACKAGE}.runtime"]

[tool.setuptools.package-data]
${PYTHON_PACKAGE} = ["py.typed"]

[tool.mypy]
strict = true
`;
}
