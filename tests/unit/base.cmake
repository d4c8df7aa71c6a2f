foreach(part arena buf cgroup clock error file file_stamp file_watch json json_slice log metrics
    multipart pack rfc3339 text trace version)
  add_unit_test(test_base_${part} LIBS sluice_base)
endforeach()
