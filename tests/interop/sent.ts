// What the schema of tests/golden/slack_types is generated from: all that an app may send.

import type { KnownBlock, View } from "@slack/types";

export interface Blocks { value: KnownBlock[] }
export interface AnyView { value: View }
