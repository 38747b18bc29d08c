/* Exports `lao_plugin_entry` as data: whoever calls it without looking at the symbol's type jumps into a string. */
__attribute__((visibility("default"))) const char lao_plugin_entry[] = "not a function, and not executable either";
