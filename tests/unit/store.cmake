add_unit_test(test_store LIBS sluice_store)
add_unit_test(test_store_crash LIBS sluice_store)
add_unit_test(test_store_errors LIBS sluice_store)
add_unit_test(test_store_outbox LIBS sluice_store)
