foreach(part arena buf clock error file json log text version)
  add_unit_test(test_base_${part} LIBS sluice_base)
endforeach()
