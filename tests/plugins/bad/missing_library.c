/* What the plugin `missing_library` is linked with, and what is not there when it is loaded. */
void sluice_test_missing_function(void);
void sluice_test_missing_function(void) {}
