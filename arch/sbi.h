/*
 * Numbers of the RISC-V Supervisor Binary Interface (SBI 3.0), for its client
 * towards the firmware and for what guests are offered. Also for assembly.
 */
#pragma once

#define SBI_EXT_LEGACY_SET_TIMER       0x00
#define SBI_EXT_LEGACY_PUTCHAR	       0x01
#define SBI_EXT_LEGACY_GETCHAR	       0x02
#define SBI_EXT_LEGACY_CLEAR_IPI       0x03
#define SBI_EXT_LEGACY_SEND_IPI	       0x04
#define SBI_EXT_LEGACY_FENCE_I	       0x05
#define SBI_EXT_LEGACY_SFENCE_VMA      0x06
#define SBI_EXT_LEGACY_SFENCE_VMA_ASID 0x07
#define SBI_EXT_LEGACY_SHUTDOWN	       0x08
#define SBI_EXT_BASE		       0x10
#define SBI_EXT_TIME		       0x54494d45
#define SBI_EXT_IPI		       0x735049
#define SBI_EXT_RFENCE		       0x52464e43
#define SBI_EXT_HSM		       0x48534d
#define SBI_EXT_SRST		       0x53525354
#define SBI_EXT_DBCN		       0x4442434e
#define SBI_EXT_SUSP		       0x53555350

#define SBI_BASE_SPEC_VERSION 0
#define SBI_BASE_IMPL_ID      1
#define SBI_BASE_IMPL_VERSION 2
#define SBI_BASE_PROBE	      3
#define SBI_BASE_MVENDORID    4
#define SBI_BASE_MARCHID      5
#define SBI_BASE_MIMPID	      6

#define SBI_TIME_SET 0

#define SBI_IPI_SEND 0

#define SBI_RFENCE_FENCE_I	   0
#define SBI_RFENCE_SFENCE_VMA	   1
#define SBI_RFENCE_SFENCE_VMA_ASID 2

#define SBI_HSM_START	0
#define SBI_HSM_STOP	1
#define SBI_HSM_STATUS	2
#define SBI_HSM_SUSPEND 3

#define SBI_HSM_STOPPED		      1		 /* hart state */
#define SBI_HSM_SUSPEND_RETENTIVE     0x00000000 /* suspend types */
#define SBI_HSM_SUSPEND_NON_RETENTIVE 0x80000000

#define SBI_SRST_RESET		0
#define SBI_SRST_SHUTDOWN	0 /* types */
#define SBI_SRST_COLD_REBOOT	1
#define SBI_SRST_WARM_REBOOT	2
#define SBI_SRST_NO_REASON	0 /* reasons */
#define SBI_SRST_SYSTEM_FAILURE 1

#define SBI_DBCN_WRITE	    0
#define SBI_DBCN_READ	    1
#define SBI_DBCN_WRITE_BYTE 2

#define SBI_SUSP_SUSPEND	0
#define SBI_SUSP_SUSPEND_TO_RAM 0 /* sleep type */

#define SBI_SUCCESS		  0
#define SBI_ERR_FAILED		  -1
#define SBI_ERR_NOT_SUPPORTED	  -2
#define SBI_ERR_INVALID_PARAM	  -3
#define SBI_ERR_DENIED		  -4
#define SBI_ERR_INVALID_ADDRESS	  -5
#define SBI_ERR_ALREADY_AVAILABLE -6
#define SBI_ERR_ALREADY_STARTED	  -7
#define SBI_ERR_ALREADY_STOPPED	  -8
