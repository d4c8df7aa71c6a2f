add_unit_test(test_flow_recurrence LIBS sluice_recurrence)
add_unit_test(test_flow_cron LIBS sluice_recurrence)
add_unit_test(test_flow_due LIBS sluice_recurrence)
add_unit_test(test_flow_limits LIBS sluice_flow)
add_unit_test(test_flow_replay_files LIBS sluice_flow)
add_unit_test(test_flow_activation LIBS sluice_recurrence sluice_store sluice_workspace
  SOURCES fake_scheduled.c ${scheduling})
add_unit_test(test_flow_scheduler LIBS sluice_recurrence sluice_store sluice_workspace
  SOURCES fake_scheduled.c ${scheduling})
# Delivery of mails over a stand-in for the service and the mail server.
add_unit_test(test_flow_outbox LIBS sluice_store sluice_workspace
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/outbox.c ${PROJECT_SOURCE_DIR}/host/transfer/mime_address.c)
target_link_options(test_flow_outbox PRIVATE -Wl,--wrap=mime_parse_addresses)
