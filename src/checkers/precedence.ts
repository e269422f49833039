/** One thing seen somewhere, and who saw what next. */
export interface Node {
  readonly key: string;
  rank: number;
  readonly out: Map<Node, Edge>;
  readonly in: Set<Node>;
  isForgotten: boolean;
}

/** `client` saw `from`, then `to`. */
interface Edge {
  readonly from: Node;
  readonly to: Node;
  readonly client: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Nodes of one room: a member further behind than this cannot be compared any more. */
export const NODES_MAX = 1024;

/** Whether all members can have seen subsequences of one sequence. */
export interface Precedence {
  get(key: string): Node | undefined;
  add(key: string): Node;
  /** Takes in that somebody saw `from` before `to`; gives the shortest contradiction, a path from `to` to `from`, if there is one. */
  connect(edge: Edge): readonly Edge[] | undefined;
}

/**
 * A graph of "was seen before", kept in topological order as it grows (Pearce and Kelly, A Dynamic Topological Sort
 * Algorithm, 2006). Members agree on one order exactly when it has no cycle. As long as they do agree, every edge goes
 * forward and costs one comparison; only what is out of order is searched, and no further than from one end of the new
 * edge to the other. A log with one cursor a member was tried first: it cannot tell a write that its first receiver
 * lost from one that came too late.
 */
export function createPrecedence(forgotten: (key: string) => void): Precedence {
  const nodes = new Map<string, Node>();
  let ranks = 0;

  const forget = (): void => {
    for (const node of nodes.values()) {
      nodes.delete(node.key);
      node.isForgotten = true;
      for (const next of node.out.keys()) next.in.delete(node);
      for (const before of node.in) before.out.delete(node);
      forgotten(node.key);
      return;
    }
  };
  /** Everything from `start` on with a rank of at most `last`, breadth first, with the edge it was reached by. */
  const forward = (start: Node, last: number): Map<Node, Edge | undefined> => {
    const reached = new Map<Node, Edge | undefined>([[start, undefined]]);
    for (const node of reached.keys())
      for (const [next, edge] of node.out) if (next.rank <= last && !reached.has(next)) reached.set(next, edge);
    return reached;
  };
  const backward = (start: Node, first: number): Set<Node> => {
    const reached = new Set<Node>([start]);
    for (const node of reached) for (const before of node.in) if (before.rank >= first) reached.add(before);
    return reached;
  };
  const pathTo = (end: Node, reached: ReadonlyMap<Node, Edge | undefined>): readonly Edge[] => {
    const path: Edge[] = [];
    for (let edge = reached.get(end); edge !== undefined; edge = reached.get(edge.from)) path.unshift(edge);
    return path;
  };

  return {
    get: (key) => nodes.get(key),
    add: (key) => {
      ranks += 1;
      const node: Node = { key, rank: ranks, out: new Map(), in: new Set(), isForgotten: false };
      nodes.set(key, node);
      if (nodes.size > NODES_MAX) forget();
      return node;
    },
    connect: (edge) => {
      const { from, to } = edge;
      if (from.isForgotten || to.isForgotten || from.out.has(to)) return undefined;
      if (from.rank > to.rank) {
        const after = forward(to, from.rank);
        if (after.has(from)) return pathTo(from, after);
        const moved = [...backward(from, to.rank)].sort((left, right) => left.rank - right.rank);
        moved.push(...[...after.keys()].sort((left, right) => left.rank - right.rank));
        const free = moved.map((node) => node.rank).sort((left, right) => left - right);
        for (const [index, node] of moved.entries()) node.rank = free[index] ?? node.rank;
      }
      from.out.set(to, edge);
      to.in.add(from);
      return undefined;
    },
  };
}
