# The store under the real program: a disk that goes bad or is full, retention while serving; and the server under
# load, a short run here (scripts/bench soak has longer ones).
if(TARGET sluice)
  add_library(fail_sync MODULE fail_sync.c)
  target_link_libraries(fail_sync PRIVATE sluice_flags)
  add_python_test(store test_store.py
    ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:fail_sync> $<TARGET_FILE:relay_backend>)
  add_python_test(store_full test_store_full.py ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:fail_sync>)
  add_python_test(soak test_soak.py
    ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:relay_load> $<TARGET_FILE:relay_backend> --seconds 10)
endif()
