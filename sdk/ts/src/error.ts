/** Ends this batch: its findings and its state are dropped, and the host says why. */
export class DetectorError extends Error {}

/** A config that can't be worked with: the dotted path of a key, and what is wrong. */
export class ConfigError extends Error {
  constructor(
    readonly key: string,
    message: string,
  ) {
    super(message);
  }
}
