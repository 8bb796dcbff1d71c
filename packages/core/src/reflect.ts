// tsyringe refuses to load without Reflect.getMetadata; nothing here uses decorators, so an empty answer is enough.
(Reflect as { getMetadata?: unknown }).getMetadata ??= () => undefined;

export {};
