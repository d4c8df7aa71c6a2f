# Listings, names, the dialogue with a server, the stream: what needs no server.
foreach(name listing names pump)
  add_unit_test(test_transfer_ftp_${name} LIBS sluice_transfer)
endforeach()
