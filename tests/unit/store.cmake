foreach(part "" _audit _broken _crash _errors _group _retention)
  add_unit_test(test_store${part} LIBS sluice_store)
endforeach()
