/** Milliseconds of one monotonic clock of one process, with fractions; its zero means nothing. */
export type Clock = () => number;
