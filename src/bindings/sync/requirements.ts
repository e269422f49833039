import type { Requirement } from "../../core/requirement.ts";
import { auth } from "./requirements/auth.ts";
import { exchange } from "./requirements/exchange.ts";
import { operation } from "./requirements/operation.ts";

/** What the protocol asks of a server, and in two entries of a client too. */
export const requirements: readonly Requirement[] = [...auth, ...exchange, ...operation];
