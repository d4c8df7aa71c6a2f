add_unit_test(test_flow_recurrence LIBS sluice_recurrence)
# Delivery of mails over a stand-in for the service and the mail server.
add_unit_test(test_flow_outbox LIBS sluice_store sluice_workspace
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/outbox.c)
