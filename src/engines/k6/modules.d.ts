// What we use of k6's modules, as its documentation has them (k6 1.x). k6 itself resolves these names.

declare module "k6/websockets" {
  export const WebSocket: new (
    url: string,
    protocols: readonly string[],
    params: {
      readonly headers: Readonly<Record<string, string>>;
      readonly tags: Readonly<Record<string, string>>;
      readonly jar: unknown;
    },
  ) => import("./client.ts").K6Socket;
}

declare module "k6/http" {
  interface Answer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
    readonly error: string;
  }
  interface Parameters {
    readonly headers?: Readonly<Record<string, string>>;
    readonly timeout?: number;
    readonly redirects?: number;
    readonly tags?: Readonly<Record<string, string>>;
    readonly responseType?: "text";
    readonly jar?: unknown;
  }
  const http: {
    asyncRequest(method: string, url: string, body: string | null, parameters: Parameters): Promise<Answer>;
    readonly CookieJar: new () => unknown;
  };
  export default http;
}

declare module "k6/timers" {
  export function setTimeout(act: () => void, ms: number): number;
  export function clearTimeout(timer: number): void;
  export function setInterval(act: () => void, ms: number): number;
  export function clearInterval(timer: number): void;
}

declare module "k6/execution" {
  const execution: {
    readonly vu: { readonly idInInstance: number; readonly idInTest: number };
    readonly instance: { readonly vusInitialized: number };
    readonly test: {
      readonly options: { readonly executionSegment?: string | null; readonly executionSegmentSequence?: string | null };
      abort(why: string): void;
    };
  };
  export default execution;
}

declare module "k6/metrics" {
  export class Counter {
    constructor(name: string);
    add(value: number, tags?: Readonly<Record<string, string>>): void;
  }
  export class Trend {
    constructor(name: string, isTime?: boolean);
    add(value: number, tags?: Readonly<Record<string, string>>): void;
  }
}

declare module "k6" {
  export function check<T>(value: T, checks: Readonly<Record<string, (value: T) => boolean>>): boolean;
}
