add_unit_test(test_cli_text LIBS sluice_cli)
add_unit_test(test_cli_progress LIBS sluice_cli)
add_unit_test(test_cli_commands LIBS sluice_cli
  SOURCES fake_flow.c ${scheduling} ${PROJECT_SOURCE_DIR}/host/flow/fault.c
    ${PROJECT_SOURCE_DIR}/host/flow/resubmit.c ${PROJECT_SOURCE_DIR}/host/flow/kept_prune.c
    ${PROJECT_SOURCE_DIR}/host/capability/unmarked_list.c
    ${PROJECT_SOURCE_DIR}/host/capability/folder.c ${PROJECT_SOURCE_DIR}/host/capability/unmarked_value.c
    ${PROJECT_SOURCE_DIR}/host/engine/digest.c)
add_unit_test(test_cli_package LIBS sluice_cli
  SOURCES fake_flow.c ${scheduling} ${PROJECT_SOURCE_DIR}/host/flow/fault.c
    ${PROJECT_SOURCE_DIR}/host/flow/resubmit.c ${PROJECT_SOURCE_DIR}/host/flow/kept_prune.c
    ${PROJECT_SOURCE_DIR}/host/capability/unmarked_list.c
    ${PROJECT_SOURCE_DIR}/host/capability/folder.c ${PROJECT_SOURCE_DIR}/host/capability/unmarked_value.c
    ${PROJECT_SOURCE_DIR}/host/engine/digest.c)
