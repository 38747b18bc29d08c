/* A sound shared library that is no plugin at all. */
__attribute__((visibility("default"))) int answer(void);
int answer(void) { return 42; }
