# The few functions every folder uses. A target's link list is the layering rule.
include(CheckCCompilerFlag)
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(ENTITLED_WERROR "Warnings are errors" OFF)
option(ENTITLED_SANITIZE "AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer" OFF)
option(ENTITLED_TSAN "ThreadSanitizer; not with ENTITLED_SANITIZE" OFF)
option(ENTITLED_COVERAGE "Count which lines run" OFF)
option(ENTITLED_FUZZ "Build tests/fuzz for libFuzzer; needs clang and ENTITLED_SANITIZE" OFF)

foreach(library libzmq libcurl libcrypto libmicrohttpd jansson inih expat libsystemd)
  # What CMake 3.25 remembers of a library with -isystem is not what it found: a second configure would
  # change the compile commands.
  unset(__pkg_config_checked_${library} CACHE)
  pkg_check_modules(${library} REQUIRED IMPORTED_TARGET ${library})
endforeach()
# Neither Debian's msgpack-c 4 nor Berkeley DB has a pkg-config file for C. Of msgpack-c a header is
# enough.
find_path(MSGPACK_HEADERS msgpack/pack_template.h REQUIRED)
find_library(BERKELEY_DB_LIBRARY NAMES db-5.3 db REQUIRED)

add_library(entitled_flags INTERFACE)
target_include_directories(entitled_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(entitled_flags INTERFACE _GNU_SOURCE)
target_compile_options(entitled_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wno-sign-conversion -fno-common
  $<$<BOOL:${ENTITLED_WERROR}>:-Werror>
  $<$<BOOL:${ENTITLED_SANITIZE}>:-fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer>
  $<$<BOOL:${ENTITLED_FUZZ}>:-fsanitize=fuzzer-no-link>
  $<$<BOOL:${ENTITLED_TSAN}>:-fsanitize=thread -fno-omit-frame-pointer>
  $<$<BOOL:${ENTITLED_COVERAGE}>:--coverage -fprofile-update=atomic>)
target_link_options(entitled_flags INTERFACE
  $<$<BOOL:${ENTITLED_SANITIZE}>:-fsanitize=address,undefined>
  $<$<BOOL:${ENTITLED_TSAN}>:-fsanitize=thread>
  $<$<BOOL:${ENTITLED_COVERAGE}>:--coverage>)

set(MEMSET_STRATEGY -mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign)
check_c_compiler_flag(${MEMSET_STRATEGY} HAS_MEMSET_STRATEGY)

# entitled_library(NAME source... [HOT] LINK target...): in a release, calls within and between HOT
# libraries are inlined when a program is linked.
function(entitled_library name)
  cmake_parse_arguments(ARG "HOT" "" "LINK" ${ARGN})
  add_library(entitled_${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_library(entitled::${name} ALIAS entitled_${name})
  target_link_libraries(entitled_${name} PUBLIC entitled_flags ${ARG_LINK})
  if(ARG_HOT AND CMAKE_BUILD_TYPE STREQUAL Release)
    set_target_properties(entitled_${name} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
    # gcc zeroes a struct with `rep stos`, which takes longer to begin than all the stores.
    if(HAS_MEMSET_STRATEGY)
      target_compile_options(entitled_${name} PRIVATE ${MEMSET_STRATEGY})
    endif()
  endif()
endfunction()

# entitled_program(NAME DIRECTORY source... LINK target...): NAME is installed in DIRECTORY.
function(entitled_program name directory)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_compile_definitions(${name} PRIVATE ENTITLED_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE entitled_flags ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${directory})
endfunction()

# entitled_embed(TARGET SYMBOL file...): TARGET carries the files as `const struct embedded_file
# SYMBOL[]` (common/base/embed.h).
function(entitled_embed target symbol)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  list(JOIN files "," joined)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DNAME=${symbol} -DOUTPUT=${output} -DFILES=${joined}
            -P ${PROJECT_SOURCE_DIR}/common/cmake/embed.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/common/cmake/embed.cmake VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

# entitled_test(AREA/NAME LINK target...): tests/unit/AREA/NAME_test.c, a cmocka program.
function(entitled_test path)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  string(REPLACE "/" "_" name ${path})
  add_executable(test_${name} ${PROJECT_SOURCE_DIR}/tests/unit/${path}_test.c)
  target_compile_definitions(test_${name} PRIVATE
    VECTORS_DIRECTORY="${PROJECT_SOURCE_DIR}/tests/vectors")
  target_link_libraries(test_${name} PRIVATE entitled_flags ${ARG_LINK} PkgConfig::cmocka)
  add_test(NAME unit/${path} COMMAND test_${name})
  set_tests_properties(unit/${path} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()
