# The peers themselves: that the real servers start and answer, and that Oracle's own client accepts the
# Object Storage stand-in.
foreach(area signature object_storage rest proxy talk_proxy servers)
  add_python_test(peers.${area} peers_test_${area}.py)
endforeach()
