# Signatures, object storage and mail, as far as no peer is needed.
foreach(name signature mime object http oauth otlp)
  add_unit_test(test_transfer_${name} LIBS sluice_transfer)
endforeach()
target_compile_definitions(test_transfer_signature PRIVATE UNIT_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
add_unit_test(test_transfer_mail LIBS sluice_transfer)
target_link_options(test_transfer_mail PRIVATE -Wl,--wrap=buf_take)
# Handles and their connections, over peers in the same process.
add_unit_test(test_transfer_pool LIBS sluice_transfer)
# What is worth asking again, at every protocol, and when a peer is left alone.
add_unit_test(test_transfer_advice LIBS sluice_transfer)
add_unit_test(test_transfer_circuit LIBS sluice_transfer)
