# Content servers: the transfer layer against real FTP and SFTP servers, through a small driver.
if(TARGET sluice_transfer)
  add_executable(transfer_driver transfer_driver.c)
  target_link_libraries(transfer_driver PRIVATE sluice_transfer)
  foreach(group VsftpdPlain ProftpdPlain PureFtpdPlain PyftpdlibPlain VsftpdTls ProftpdTls
          PureFtpdTls PyftpdlibTls VsftpdImplicitTls Sftp Faults)
    add_python_test(ftp.${group} test_ftp.py ARGS $<TARGET_FILE:transfer_driver> ${group})
  endforeach()
  add_python_test(ftp.script test_ftp_script.py ARGS $<TARGET_FILE:transfer_driver>)
  add_python_test(ftp.doubt test_ftp_doubt.py ARGS $<TARGET_FILE:transfer_driver>)
  add_python_test(ftp.sftp_lost test_sftp_lost.py ARGS $<TARGET_FILE:transfer_driver>)
  add_python_test(ftp.script.folders test_ftp_script_folders.py ARGS $<TARGET_FILE:transfer_driver>)
endif()
