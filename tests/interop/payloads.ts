// What the schemas are generated from: each payload of Slack's, as the official types say it.

import type {
  BlockAction, ButtonAction, EnvelopedEvent, GlobalShortcut, MessageShortcut, SlashCommand, ViewClosedAction, ViewSubmitAction,
} from "@slack/bolt";
import type { AppHomeOpenedEvent, GenericMessageEvent, KnownBlock, TokensRevokedEvent, View } from "@slack/types";

export interface ButtonClick { value: BlockAction<ButtonAction> }
export interface AnyClick { value: BlockAction }
export interface ViewSubmission { value: ViewSubmitAction }
export interface ViewClosed { value: ViewClosedAction }
export interface Command { value: SlashCommand }
export interface MessageAction { value: MessageShortcut }
export interface Shortcut { value: GlobalShortcut }
export interface HomeOpened { value: EnvelopedEvent<AppHomeOpenedEvent> }
export interface MessagePosted { value: EnvelopedEvent<GenericMessageEvent> }
export interface TokensRevoked { value: EnvelopedEvent<TokensRevokedEvent> }
export interface Blocks { value: KnownBlock[] }
export interface AnyView { value: View }
