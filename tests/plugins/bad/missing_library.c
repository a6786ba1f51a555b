/* The library that the plugin `missing_library` is linked with. It is missing when the plugin is loaded. */
void sluice_test_missing_function(void);
void sluice_test_missing_function(void) {}
