import type { SqlFaults } from "../faults.ts";

export const SQL_FAULTS: Readonly<Record<string, () => Partial<SqlFaults>>> = {};
