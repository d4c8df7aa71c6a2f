foreach(part "" _audit _broken _crash _doubt _errors _full _group _lease _outbox _outbox_clock _outbox_storm _query _reminder _retention
    _schedule _tracing _unfinished _upgrade)
  add_unit_test(test_store${part} LIBS sluice_store)
endforeach()
target_compile_definitions(test_store_upgrade PRIVATE UNIT_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
