/** Lines for the operator's log. */
import host from "watchfire:detector/log@0.1.0";

export const debug = (message: string) => host.write("debug", message);
export const info = (message: string) => host.write("info", message);
export const warn = (message: string) => host.write("warn", message);
export const error = (message: string) => host.write("error", message);
