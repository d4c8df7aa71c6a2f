foreach(part arena buf cgroup clock error file file_stamp file_watch json json_slice log
    rfc3339 text)
  add_unit_test(test_base_${part} LIBS sluice_base)
endforeach()
