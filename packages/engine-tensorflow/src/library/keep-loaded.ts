import koffi from "koffi";

/** `RTLD_NOW | RTLD_NODELETE` of `dlfcn.h`. */
export const KEEP_LOADED = process.platform === "darwin" ? 0x82 : 0x1002;

/**
 * Keeps a loaded library in memory until the process is gone. koffi unloads its libraries when Node shuts down, and TensorFlow's exit
 * handlers, which run later, would then be called in memory that is no more: every process would end with SIGSEGV.
 */
export function keepLoaded(path: string): void {
  if (process.platform === "win32") return; // no exit handlers of a library run after Node's there
  koffi.load(null).func("void *dlopen(const char *, int)")(path, KEEP_LOADED);
}
